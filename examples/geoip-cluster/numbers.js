// @ts-check
// Sums and means, and numbers as people read them.

/** @param {number[]} values */
export const sum = (values) => values.reduce((a, b) => a + b, 0)

/** @param {number[]} values */
export const mean = (values) => sum(values) / values.length

/** @param {number} value */
export const count = (value) => Math.round(value).toLocaleString('en-US')

/** @param {number} kibibytes */
export const mebibytes = (kibibytes) => (kibibytes / 1024).toFixed(1)
