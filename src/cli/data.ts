/** The commands that read and copy the embedded storage. */
import { DataError, options, print, UsageError, withoutStack } from './tools.js';
import { loadConfig } from '../config/load.js';

export const dataCommands: Readonly<Record<string, (args: string[]) => Promise<void>>> = {
  async 'check-data'(args) {
    options(args, {});
    const [{ inspect }, { environmentsOf, folderOf }, { inWords }] = await Promise.all([
      import('../storage/lmdb/backup/inspect.js'),
      import('../storage/lmdb/environments/list.js'),
      import('../storage/lmdb/environments/environment.js'),
    ]);
    const directory = embeddedFolder();
    let damaged = 0;
    for (const environment of environmentsOf(directory)) {
      try {
        const { bytes, counts, problems } = await inspect(directory, environment);
        for (const problem of problems) process.stderr.write(`damaged: ${problem}\n`);
        print(`${folderOf(directory, environment)}: ${bytes} bytes, ${inWords(environment, counts)}.`);
        damaged += problems.length;
      } catch (error) {
        // The other ones may be whole.
        process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
        damaged++;
      }
    }
    print(damaged === 0 ? 'All of it can be read.' : `Damaged: ${damaged}.`);
    if (damaged > 0) process.exitCode = 1;
  },

  async backup(args) {
    const given = options(args, { to: { type: 'string' }, 'skip-damaged': { type: 'boolean' } });
    if (given.to === undefined || given.to === '') throw new UsageError('backup needs --to FOLDER');
    const [{ backup }, { folderOf }, { inWords }] = await Promise.all([
      import('../storage/lmdb/backup/backup.js'),
      import('../storage/lmdb/environments/list.js'),
      import('../storage/lmdb/environments/environment.js'),
    ]);
    const skipDamaged = given['skip-damaged'] ?? false;
    const done = await withoutStack(() => backup({ from: embeddedFolder(), to: given.to ?? '', skipDamaged }));
    for (const { environment, bytes, counts, problems, part } of done) {
      for (const problem of problems) process.stderr.write(`left out: ${problem}\n`);
      if (part !== undefined)
        print(`${folderOf(given.to, environment)}: ${inWords(environment, counts)}, ${bytes} bytes.`);
      if (problems.length > 0) process.exitCode = 1;
    }
  },

  async restore(args) {
    const given = options(args, { from: { type: 'string' }, force: { type: 'boolean' } });
    if (given.from === undefined || given.from === '') throw new UsageError('restore needs --from FOLDER');
    const [{ restore }, { environmentsOf, folderOf }, { inWords }] = await Promise.all([
      import('../storage/lmdb/backup/restore.js'),
      import('../storage/lmdb/environments/list.js'),
      import('../storage/lmdb/environments/environment.js'),
    ]);
    const to = embeddedFolder();
    const done = await withoutStack(() => restore({ from: given.from ?? '', to, force: given.force ?? false }));
    if (done.replaced !== undefined) print(`What was there before is in ${done.replaced}.`);
    for (const [environment, { counts }] of done.parts) {
      print(`${folderOf(to, environment)}: restored the backup of ${done.created}: ${inWords(environment, counts)}.`);
    }
    for (const environment of environmentsOf(to)) {
      if (!done.parts.has(environment))
        print(`${folderOf(to, environment)}: the backup has no ${environment.name}; those that are there stay.`);
    }
  },
};

/** The folder of the embedded storage. */
function embeddedFolder(): string {
  const { storage } = loadConfig(process.env);
  if (storage.kind === 'embedded') return storage.directory;
  throw new DataError(
    storage.kind === 'memory'
      ? 'DATABASE_URL is memory: there is nothing on disk'
      : 'DATABASE_URL names a Postgres database, and this command is for the embedded storage: use pg_dump and ' +
          'pg_restore (docs/operations/backup.md)',
  );
}
