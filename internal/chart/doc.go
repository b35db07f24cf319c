// Package chart draws bars, equity curves, calendars and strips. A Picture is a list of shapes, which PNG and SVG draw
// alike. The package computes in floating point, which is for pixels only.
package chart
