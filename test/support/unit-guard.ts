/** Called by whatever starts a server. @throws In a unit test: test/runner/files.mjs says which files are integration tests. */
export function refuseInUnitTest(what: string): void {
  if (process.env['TEST_KIND'] === 'unit')
    throw new Error(`a unit test starts ${what}: move it to an integration folder`);
}
