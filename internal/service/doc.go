// Package service runs the goroutine of a service from Start to Stop, and keeps whether the service works.
//
//	new --Start--> running --Stop or Drain--> stopped
//
// Stop does nothing before Start. A service that was stopped is not started again.
package service
