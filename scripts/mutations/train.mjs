/** @type {import('../mutate.mjs').Mutation[]} */
export const mutations = [
  {
    file: 'packages/training/src/modalities/image/loss.ts',
    fault: "loss: 'l1' pulls at pixels that are right",
    from: 'mul(sign(x as Tensor), div(dy as Tensor, (x as Tensor).size))',
    to: 'mul(sub(mul(cast(greaterEqual(x as Tensor, 0), "float32"), 2), 1), div(dy as Tensor, (x as Tensor).size))',
  },
  {
    file: 'apps/train/src/training-state.ts',
    fault: 'checkpoints leave out the random numbers of the quantizer',
    from: "    model.quantizer.rng.restore(note('quantizerRng') as RngState);\n",
    to: '',
    tests: ['apps/train/test/resume.test.ts', 'apps/train/test/damaged-run.test.ts'],
  },
  {
    file: 'apps/train/src/training-state.ts',
    fault: 'resume forgets what k-means has gathered',
    from: '    model.quantizer.loadTrainingState(gathered);\n',
    to: '',
    tests: ['apps/train/test/train.test.ts'],
  },
  {
    file: 'apps/train/src/training-state.ts',
    fault: 'a checkpoint without a checksum is taken',
    from: ' || !Object.hasOwn(metadata, CHECKSUM)) {',
    to: ') {',
    tests: ['apps/train/test/damaged-run.test.ts', 'apps/train/test/resume.test.ts'],
  },
  {
    file: 'apps/train/src/run-folder.ts',
    fault: 'checkpoints are ordered by name, step-100 before step-20',
    from: 'return files.sort((a, b) => a.step - b.step);',
    to: 'return files.sort((a, b) => (a.path < b.path ? -1 : 1));',
    tests: ['apps/train/test/resume.test.ts', 'apps/train/test/damaged-run.test.ts', 'apps/train/test/train.test.ts'],
  },
  {
    file: 'apps/train/src/run-folder.ts',
    fault: 'metrics of the step that resume starts at stay twice',
    from: 'records.filter(({ record }) => record.step <= step)',
    to: 'records.filter(({ record }) => record.step <= step + 1)',
    tests: ['apps/train/test/resume.test.ts', 'apps/train/test/damaged-run.test.ts'],
  },
  {
    file: 'apps/train/src/run-folder.ts',
    fault: 'a folder that cannot be opened stays locked',
    from: '  } catch (error) {\n    lock.release();\n    throw error;',
    to: '  } catch (error) {\n    throw error;',
    tests: [
      'apps/train/test/run-lock.test.ts',
      'apps/train/test/damaged-run.test.ts',
      'apps/train/test/resume.test.ts',
    ],
  },
];
