import assert from 'node:assert/strict';
import { phrase, QuantizerError } from '../../packages/core-tensor/dist/index.js';
import { runCli } from '../../packages/vqkit/dist/cli/run.js';

/** Calls the command line and throws its message as an error, unless it is done. @param {string[]} args */
export async function cli(args) {
  const write = process.stderr.write;
  const out = process.stdout.write;
  let message = '';
  process.stderr.write = (text) => {
    message += text;
    return true;
  };
  process.stdout.write = () => true;
  try {
    const code = await runCli(args);
    if (code === 0) return;
    const line = message.split('\n').find((text) => text.startsWith('error: ')) ?? message;
    assert(code === 1 || code === 2, `exit code ${code}`);
    assert(!line.includes('(unexpected'), line);
    const said = line.slice('error: '.length);
    requireSentence(said);
    throw new QuantizerError('vqkit', args[0] ?? '', 'take the file', phrase(said), 'Mend it.');
  } finally {
    process.stderr.write = write;
    process.stdout.write = out;
    process.stdout.removeAllListeners('error');
  }
}

/**
 * Throws unless an error is one that a user can act on: of vqkit's classes, one sentence of what must hold, what was found, and the fix.
 * @param {unknown} error
 */
export function requireNamed(error) {
  if (!(error instanceof QuantizerError)) throw error;
  const { message, where, argument, rule, got, fix } = error;
  for (const field of [where, argument, rule, got, fix]) {
    assert(typeof field === 'string' && field !== '', `an error with an empty field: ${message.slice(0, 500)}`);
  }
  requireSentence(message);
}

/** Throws unless a text says a rule, a value and a fix. @param {string} text */
export function requireSentence(text) {
  const isWhole = /^\S.*\bmust\b.*\bgot\b.*[.?]$/s.test(text) && text.length < 2000;
  assert(isWhole, `an error without rule, value or fix: ${text.slice(0, 500)}`);
}
