// Package ownership checks whether other users can change a file that the program is about to read or to run.
package ownership
