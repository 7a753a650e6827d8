// For Go 1.24 and newer: until then net/http had no HTTP/2 in the clear.
package main

import "net/http"

func init() {
	inTheClear = func(transport *http.Transport) {
		transport.Protocols = new(http.Protocols)
		transport.Protocols.SetUnencryptedHTTP2(true)
	}
}
