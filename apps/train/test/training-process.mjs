// Trains or resumes in a process of its own, on the built package, for the tests that kill it.
// Arguments: 'train' and a configuration as JSON, or 'resume' and a run folder. Prints `training` before the first step.
import { createConfig, resumeTraining, train } from '@vqkit/train';

const [call, argument = ''] = process.argv.slice(2);
const controller = new AbortController();
process.once('SIGINT', () => controller.abort());
const hooks = { onStart: () => console.log('training'), signal: controller.signal };
const result =
  call === 'train' ? await train(createConfig(JSON.parse(argument)), hooks) : await resumeTraining(argument, {}, hooks);
console.log(result.status);
