package v2xml_test

import (
	"fmt"
	"testing"

	"cloudpay/pkg/v2xml"
)

func TestKeyPrintsRedacted(t *testing.T) {
	t.Parallel()
	k := v2xml.Key(key)
	text, err := k.MarshalText()
	for name, got := range map[string]string{
		"String": k.String(), "GoString": k.GoString(), "LogValue": k.LogValue().String(), "MarshalText": string(text),
		"%x": fmt.Sprintf("%x", k), "%-40q": fmt.Sprintf("%-40q", k),
	} {
		if got != "redacted" {
			t.Errorf("%s gives %q, want redacted", name, got)
		}
	}
	if err != nil {
		t.Errorf("MarshalText: %v", err)
	}
}
