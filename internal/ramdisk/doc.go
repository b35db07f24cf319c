// Package ramdisk finds a folder in memory for the files of tests. Databases come and go there at a fraction of the
// system time that a disk's file system takes to create their thousands of files.
package ramdisk
