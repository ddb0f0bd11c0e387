import { forwardDriverContract } from "./forward-driver-contract.ts";
import { kubernetesFixture } from "./kubernetes-fixture.ts";

forwardDriverContract("kubernetes over WebSocket", () => kubernetesFixture("websocket"));
forwardDriverContract("kubernetes over SPDY", () => kubernetesFixture("spdy"));
