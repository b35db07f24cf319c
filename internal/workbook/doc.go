// Package workbook reads one sheet of an Excel workbook (.xlsx) as CSV text.
//
// Numbers are written with all the digits that the cell holds, never as its format displays them. Cells that are
// formatted as a date or a time become ISO 8601 text. A workbook is packed: whatever it claims to hold is checked
// against limits before it is unpacked.
package workbook
