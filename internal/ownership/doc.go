// Package ownership tells whether others can change a file that the program is about to believe or to run.
package ownership
