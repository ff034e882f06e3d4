// Whether native TensorFlow runs here, tried in a process of its own, because it would stay in this one: prints the reason if not.
import { startNative } from '@vqkit/backend-node';

const started = await startNative();
process.stdout.write(`${JSON.stringify('reason' in started ? { reason: started.reason } : {})}\n`);
process.exit(0);
