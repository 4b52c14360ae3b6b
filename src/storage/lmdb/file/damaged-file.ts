/** The file of the database, or a page of it, is not what LMDB wrote. */
export class DamagedFile extends Error {
  override readonly name = 'DamagedFile';
}
