// Package fileerror puts what the operating system says of a file into words that say what to do.
package fileerror
