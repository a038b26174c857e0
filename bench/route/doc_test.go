// Package route_test measures what connections to WeChat Pay cost: a new one with and without the
// resumption of its TLS session, a used one, and a close on either. ADR 14 rests on its figures.
//
//	go test -run '^$' -bench . ./route
//
// The far side is the emulated gateway over TLS in a process of its own, so that its processor time
// is not counted, behind a wire with a round trip of 30 ms where latency is measured.
package route_test
