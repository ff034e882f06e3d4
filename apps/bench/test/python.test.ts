import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { findPython } from '../src/python.ts';

/** A copy of the library's sources without metadata, and a PyTorch. */
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
  await mkdir(join(folder, 'vector_quantize_pytorch'));
  await writeFile(join(folder, 'torch.py'), '__version__ = "2.0.0"\n');
  await writeFile(join(folder, 'vector_quantize_pytorch', '__init__.py'), '');
  vi.stubEnv('PYTHONPATH', folder);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

it('names a library without metadata by its sources, or by the project beside them', async () => {
  const found = await findPython();
  // There may be no Python here.
  if (found === undefined) return;
  expect(found).toMatchObject({ torch: '2.0.0' });
  expect(found.vectorQuantizePytorch).toMatch(/^of unknown version, sources [0-9a-f]{12}$/);
  await writeFile(join(folder, 'pyproject.toml'), '[project]\nname = "x"\nversion = "1.31.0"\n');
  expect(await findPython()).toMatchObject({ vectorQuantizePytorch: '1.31.0' });
});

it('says what a named Python lacks', async () => {
  await expect(findPython(join(folder, 'none'))).rejects.toThrow('bench: python must be a Python that has torch');
});
