/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The subcommands. Each takes its own arguments (argv[0] is its name) and returns the exit code:
 * 0 fine, warnings included; 1 problems or differences found, or not converged; 2 could not run.
 * Results go to stdout, everything else to stderr.
 */
enum exit_code { EXIT_FINE = 0, EXIT_PROBLEMS = 1, EXIT_UNABLE = 2 };

int cli_run(int argc, char **argv);
int cli_render(int argc, char **argv);
int cli_validate(int argc, char **argv);
int cli_diff(int argc, char **argv);
int cli_materialize(int argc, char **argv);
int cli_version(int argc, char **argv);
