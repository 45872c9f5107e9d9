// @ts-check
// Addresses whose country does not change, and some for which no database has an answer.

/** @type {{ address: string, country: string | null }[]} */
export const knownAnswers = [
  { address: '8.8.8.8', country: 'US' }, // Google
  { address: '18.9.22.69', country: 'US' }, // MIT
  { address: '131.111.150.25', country: 'GB' }, // University of Cambridge
  { address: '130.149.7.201', country: 'DE' }, // TU Berlin
  { address: '133.11.0.1', country: 'JP' }, // University of Tokyo
  { address: '200.160.2.3', country: 'BR' }, // NIC.br
  { address: '2001:67c:2e8:22::c100:68b', country: 'NL' }, // RIPE NCC
  { address: '2001:620::1', country: 'CH' }, // SWITCH
  { address: '2001:630::1', country: 'GB' }, // Jisc
  { address: '127.0.0.1', country: null },
  { address: '192.168.1.1', country: null },
  { address: '::1', country: null },
  { address: '2001:db8::1', country: null },
]
