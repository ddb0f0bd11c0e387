import { spawnSync } from "node:child_process";

/** Programs of the system that tests compare with or learn from; they are no packages of this project. */
export const keygen: string = "ssh-keygen";
export const agentProgram: string = "ssh-agent";
export const agentAdd: string = "ssh-add";
export const socketStatistics: string = "ss";

/** Whether OpenSSH's client programs are installed, for `skipIf`. */
export const hasKeygen = spawnSync(keygen, ["-?"]).error === undefined;
