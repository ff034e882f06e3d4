import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { OptionError, phrase } from '@vqkit/core-tensor';
import { z } from 'zod';

/** A Python that has what the peer scripts need. */
export interface PythonPeer {
  readonly path: string;
  readonly python: string;
  readonly torch: string;
  readonly vectorQuantizePytorch: string;
}

export const pythonPeerSchema: z.ZodObject<{
  path: z.ZodString;
  python: z.ZodString;
  torch: z.ZodString;
  vectorQuantizePytorch: z.ZodString;
}> = z.strictObject({
  path: z.string(),
  python: z.string(),
  torch: z.string(),
  vectorQuantizePytorch: z.string(),
});

/** The library has its version in its metadata alone; a copy of its sources has none, and is told by what it consists of. */
const PROBE = `
import hashlib, json, pathlib, platform, re, sys
import torch, vector_quantize_pytorch
from importlib.metadata import PackageNotFoundError, version
try:
    library = version("vector-quantize-pytorch")
except PackageNotFoundError:
    folder = pathlib.Path(vector_quantize_pytorch.__file__).parent
    project = folder.parent / "pyproject.toml"
    found = re.search(r'^version *= *"([^"]+)"', project.read_text(), re.M) if project.exists() else None
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.py")):
        digest.update(file.name.encode() + b"\\0" + file.read_bytes())
    library = found[1] if found else "of unknown version, sources " + digest.hexdigest()[:12]
print(json.dumps({"path": sys.executable, "python": platform.python_version(), "torch": torch.__version__, "vectorQuantizePytorch": library}))
`;

/** Names that are tried on the PATH when the caller names none. */
const USUAL = ['python3', 'python'];

/**
 * Finds the Python of the reference library: the one the caller names, else one on the PATH that has it; PYTHONPATH counts.
 *
 * @returns undefined when none is named and none is found.
 * @throws OptionError when the named one does not start or lacks torch or vector-quantize-pytorch.
 */
export async function findPython(named?: string): Promise<PythonPeer | undefined> {
  if (named !== undefined) {
    try {
      return await probe(named);
    } catch (error) {
      throw new OptionError(
        'bench',
        'python',
        'be a Python that has torch and vector-quantize-pytorch',
        phrase(`${JSON.stringify(named)} (${reasonOf(error)})`, named),
        'Install both there, set PYTHONPATH, or leave --python out: the peer is then shown as not measured.',
      );
    }
  }
  for (const name of USUAL) {
    const found = await probe(name).catch(() => undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function probe(path: string): Promise<PythonPeer> {
  const { stdout } = await promisify(execFile)(path, ['-c', PROBE], { timeout: 120_000 });
  return { ...pythonPeerSchema.parse(JSON.parse(stdout)), path };
}

/** The last line of what Python wrote, such as `ModuleNotFoundError: No module named 'torch'`. */
function reasonOf(error: unknown): string {
  const { stderr = '', message } = error as Error & { stderr?: string };
  return stderr.trim().split('\n').at(-1) || message;
}
