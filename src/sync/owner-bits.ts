/** The bits of a word that an owner takes; 0 is nobody, and all of them are an unusable lock. */
export const ownerBits = 0x3fffffff
