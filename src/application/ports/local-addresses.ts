/** The addresses of this machine, by which a change of network shows. Nothing is sent anywhere to learn it. */
export interface LocalAddresses {
  /** The same as long as the addresses are: another one after another network was joined, a VPN came up, a cable went. */
  fingerprint(): string;
}
