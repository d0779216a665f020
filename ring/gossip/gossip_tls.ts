// What members show each other when the gossip is encrypted: both sides have a certificate of one
// authority, and neither speaks to who has none.

export interface GossipTls {
  /** PEM, as all of these. */
  readonly cert: string;
  readonly key: string;
  /** Of the authority that signed the members' certificates. */
  readonly ca: string;
}
