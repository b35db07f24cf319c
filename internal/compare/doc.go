// Package compare compares the positions of the book with those that a broker reports.
package compare
