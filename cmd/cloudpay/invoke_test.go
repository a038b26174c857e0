package main

import "testing"

// A token that is being rotated has two values; a caller sends one of them.
func TestWithToken(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]string{
		"one-token-of-the-tests":                         `{"out_trade_no":"A1","service_token":"one-token-of-the-tests"}`,
		"next-token-of-the-tests old-token-of-the-tests": `{"out_trade_no":"A1","service_token":"next-token-of-the-tests"}`,
	} {
		if got, err := withToken([]byte(`{"out_trade_no":"A1"}`), token); err != nil || string(got) != want {
			t.Errorf("%s: got %s and error %v, want %s", token, got, err, want)
		}
	}
	if got, err := withToken([]byte(`[]`), "one-token-of-the-tests"); err == nil {
		t.Errorf("an array: got %s, want an error", got)
	}
}
