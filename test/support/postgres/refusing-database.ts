/** Databases whose operator has rules of his own. */
import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import type { TestDatabase } from './postgres.js';

/** An address of a migrated database with a user who may read and write, and is bound by the policies of its tables. */
export async function writerOf(t: Test, db: TestDatabase): Promise<string> {
  const name = `writer_${randomBytes(6).toString('hex')}`;
  await db.query(`CREATE ROLE ${name} LOGIN PASSWORD 'password-of-the-tests'`);
  await db.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${name}`);
  t.teardown(async () => {
    await db.query(`DROP OWNED BY ${name}`);
    await db.query(`DROP ROLE ${name}`);
  });
  const address = new URL(db.url);
  address.username = name;
  address.password = 'password-of-the-tests';
  return address.href;
}

/** Whatever has the value 666 is refused, in each of the ways that an operator has. */
export const rules = {
  'a trigger that raises an error': `
    CREATE FUNCTION judge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.value = '666'::jsonb THEN RAISE EXCEPTION 'no devils'; END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER judge BEFORE INSERT OR UPDATE ON fields FOR EACH ROW EXECUTE FUNCTION judge()`,
  'a constraint': `ALTER TABLE fields ADD CONSTRAINT judge CHECK (value <> '666'::jsonb)`,
  'row security': `
    ALTER TABLE fields ENABLE ROW LEVEL SECURITY;
    CREATE POLICY judge ON fields USING (true) WITH CHECK (value <> '666'::jsonb)`,
} as const;
