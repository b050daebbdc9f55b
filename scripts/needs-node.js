// Loaded before a script of this repository, which is TypeScript that Node 26 runs as it stands. Must itself load under Node 18.
// `npm ci` brings Node 26 for the platforms of optionalDependencies in package.json; elsewhere `node` is the one that is installed.
if (Number.parseInt(process.versions.node, 10) < 26) {
  process.stderr.write(
    `This needs Node 26 and found Node ${process.versions.node}: npm brings none for ${process.platform}-${process.arch}. Install Node 26 from https://nodejs.org/en/download and put it first in PATH.\n`,
  );
  process.exit(10);
}
