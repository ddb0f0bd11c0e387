import { forwardDriverContract } from "./forward-driver-contract.ts";
import { kubernetesFixture } from "./kubernetes-fixture.ts";

forwardDriverContract("kubernetes over a WebSocket for each connection", () => kubernetesFixture("v4"));
