// Package connection prepares every connection that blotter opens: the role it acts as, the settings that give its
// statements one meaning on every server, and how a cancelled statement ends.
package connection
