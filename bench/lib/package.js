// @ts-check
// The package as it was built, imported by path: below this folder, which has a package.json of its own,
// the name 'posix-mmap' does not resolve.

export * from '../../dist/index.js'
