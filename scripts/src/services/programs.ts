import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/**
 * Folders that often hold servers and are often not in PATH: Debian keeps /usr/sbin out of a normal
 * user's, Homebrew does not link what it considers an old version.
 */
const USUAL_FOLDERS = [
  '/usr/sbin',
  '/usr/local/sbin',
  '/usr/libexec',
  ...['/opt/homebrew/opt', '/usr/local/opt'].flatMap((opt) =>
    ['mariadb', 'mysql', 'redis', 'valkey', 'memcached'].map((formula) => `${opt}/${formula}/bin`),
  ),
];

/**
 * The absolute path of the first of `names` that is installed, or undefined.
 *
 * @param first folders to look into before PATH and the usual ones. FANOUT_PROGRAMS in the
 * environment, a list like PATH, is looked at instead of PATH and the usual ones.
 */
export async function findProgram(
  names: string[],
  first: string[] = [],
): Promise<string | undefined> {
  const given = process.env.FANOUT_PROGRAMS?.split(delimiter);
  const folders = given ?? [...(process.env.PATH ?? '').split(delimiter), ...USUAL_FOLDERS];
  const suffix = process.platform === 'win32' ? '.exe' : '';
  for (const name of names) {
    for (const folder of [...first, ...folders]) {
      const file = join(folder, name + suffix);
      if (folder !== '' && (await isExecutable(file))) return file;
    }
  }
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
