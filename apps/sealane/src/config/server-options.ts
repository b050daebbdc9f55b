import { type Command, Option } from "commander";

/** The options that name a configuration and a database; environment variables stand in for them. */
export function serverOptions(command: Command): Command {
  return databaseOptions(command).addOption(
    new Option("--config <path>", "the configuration (by default server.yaml in the server's folder)").env("SEALANE_CONFIG"),
  );
}

/** The options that name a database. */
export function databaseOptions(command: Command): Command {
  return command
    .addOption(new Option("--database <url>", "postgres://user@host/database?schema=name in place of SQLite").env("SEALANE_DATABASE_URL"))
    .addOption(new Option("--database-password-file <path>", "a file with the database's password").env("SEALANE_DATABASE_PASSWORD_FILE"));
}
