const FSQ = ['packages/core-tensor/test/kernels/fsq-quantize.test.ts'];
const SIGN = ['packages/core-tensor/test/kernels/sign-quantize.test.ts'];
const OWN = ['packages/backend-node/test'];

/** @type {import('../mutate.mjs').Mutation[]} */
export const mutations = [
  {
    file: 'packages/backend-node/src/lock.ts',
    fault: 'a lock of a file that was deleted meanwhile counts',
    from: 'if (isAt(path, fd)) lock = held(path, fd);',
    to: 'lock = held(path, fd);',
    tests: OWN,
  },
  {
    file: 'packages/backend-node/src/lock.ts',
    fault: 'release deletes a file that is not its own',
    from: 'if (isAt(path, fd)) rmSync(path, { force: true });',
    to: 'rmSync(path, { force: true });',
    tests: OWN,
  },
  {
    file: 'packages/backend-node/src/lock.ts',
    fault: 'a lock follows a link',
    from: 'O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK',
    to: 'O_RDWR | O_CREAT | O_NONBLOCK',
    tests: OWN,
  },
  {
    file: 'packages/backend-node/src/lock.ts',
    fault: 'a lock that is not held leaves its file open',
    from: '      if (lock === undefined) closeSync(fd);',
    to: '      if (lock === undefined && fd < 0) closeSync(fd);',
    tests: OWN,
  },
  {
    file: 'packages/backend-node/src/search/code-scores.ts',
    fault: 'the search on native takes scores for exact',
    from: 'return 2 * beta * (length * ownLength',
    to: 'return 0 * beta * (length * ownLength',
    tests: OWN,
  },
  {
    file: 'packages/backend-node/src/install/unpack.ts',
    fault: 'a file of a wheel that its RECORD does not name is taken',
    from: 'hashes !== undefined && hashes.get(fileName) !== sha256',
    to: 'hashes !== undefined && (hashes.get(fileName) ?? sha256) !== sha256',
    tests: OWN,
  },
  {
    file: 'packages/backend-node/src/install/digests.ts',
    fault: 'an archive for a machine without a known digest is taken',
    from: 'if (sha256 === known) return;',
    to: 'if (known === undefined || sha256 === known || sha256.length === 64) return;',
    tests: OWN,
  },
  {
    file: 'packages/backend-node/src/native/cache.ts',
    fault: 'an empty library passes for whole',
    from: 'return found?.size !== bytes;',
    to: 'return found === undefined || found.size > bytes;',
    tests: OWN,
  },
  {
    file: 'packages/backend-node/src/init.ts',
    fault: 'prefer is a wish only',
    from: 'if (ENGINES.indexOf(engine) < ENGINES.indexOf(prefer)) {',
    to: "if (ENGINES.indexOf(engine) < ENGINES.indexOf(prefer) && prefer !== 'cpu') {",
    tests: OWN,
  },
  {
    file: 'packages/backend-node/src/kernels/nearest-code-exact.ts',
    fault: 'rows that float32 does not decide keep its index',
    from: 'indices[n] = found[i] as number;',
    to: 'void [n, i];',
    tests: OWN,
  },
  {
    file: 'packages/backend-node/src/kernels/sign-quantize.ts',
    fault: 'encode takes positive subnormal features for 0 on TensorFlow',
    from: 'encode.reference({ x: withoutSubnormals(x, 1) }, {})',
    to: 'encode.reference({ x }, {})',
    tests: SIGN,
  },
  {
    file: 'packages/backend-node/src/kernels/fsq-quantize.ts',
    fault: 'negative subnormal latents reach a threshold of 0 on TensorFlow',
    from: 'thresholds.some((own) => own.includes(0)) ? withoutSubnormals(z, -1) : z;',
    to: 'thresholds.some((own) => own.includes(0)) ? withoutSubnormals(z, 1) : z;',
    tests: FSQ,
  },
];
