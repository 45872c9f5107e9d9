// @ts-check
// The package as it is built. By path: this folder has a package.json of its own, and so no
// 'posix-mmap'.

export * from '../../dist/index.js'
