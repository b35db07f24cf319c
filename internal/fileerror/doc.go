// Package fileerror describes errors of the operating system about a file, and says what to do.
package fileerror
