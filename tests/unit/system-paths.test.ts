import { expect, test } from "vitest";
import { portwrightPaths } from "#adapters/system/paths.ts";

test("XDG defaults lie below the home folder, the socket in the state folder", () => {
  expect(portwrightPaths({}, "/home/ada", 1000)).toEqual({
    stateDir: "/home/ada/.local/state/portwright",
    configDir: "/home/ada/.config/portwright",
    runtimeDir: "/home/ada/.local/state/portwright",
    socketFile: "/home/ada/.local/state/portwright/daemon.sock",
    lockFile: "/home/ada/.local/state/portwright/daemon.lock.db",
    databaseFile: "/home/ada/.local/state/portwright/portwright.db",
    logFile: "/home/ada/.local/state/portwright/daemon.log",
    policyFile: "/home/ada/.config/portwright/policy.yaml",
  });
});

test("XDG variables count, relative and empty ones do not", () => {
  const paths = portwrightPaths(
    { XDG_RUNTIME_DIR: "/run/user/1000", XDG_STATE_HOME: "state", XDG_CONFIG_HOME: "" },
    "/home/ada",
    1000,
  );
  expect(paths.socketFile).toBe("/run/user/1000/portwright/daemon.sock");
  expect(paths.stateDir).toBe("/home/ada/.local/state/portwright");
  expect(paths.configDir).toBe("/home/ada/.config/portwright");
});

test("PORTWRIGHT_HOME moves everything below one folder", () => {
  const paths = portwrightPaths({ PORTWRIGHT_HOME: "/tmp/pw", XDG_RUNTIME_DIR: "/run/user/1000" }, "/home/ada", 1000);
  for (const path of Object.values(paths)) expect(path).toMatch(/^\/tmp\/pw\//);
});

test("a socket path of 100 bytes or more moves to a short folder that depends on user and place", () => {
  const long = `/home/${"ä".repeat(45)}`;
  const paths = portwrightPaths({ PORTWRIGHT_HOME: long }, "/home/ada", 1000);
  expect(paths.stateDir.startsWith(long)).toBe(true);
  expect(paths.socketFile).toMatch(/^\/tmp\/portwright-1000-[0-9a-f]{16}\/daemon\.sock$/);
  expect(portwrightPaths({ PORTWRIGHT_HOME: `${long}x` }, "/home/ada", 1000).socketFile).not.toBe(paths.socketFile);
  expect(portwrightPaths({ PORTWRIGHT_HOME: long }, "/home/ada", 1001).socketFile).not.toBe(paths.socketFile);
  const noRoom = portwrightPaths({ PORTWRIGHT_HOME: long, TMPDIR: long }, "/home/ada", 1000);
  expect(noRoom.socketFile).toBe(paths.socketFile);
});
