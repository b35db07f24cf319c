// Package demo trades on stored bars, to show what blotter does with orders and fills.
package demo
