package paygate_test

import (
	"slices"
	"testing"

	"cloudpay/pkg/paygate"
)

// scanned are documents that the scanner takes.
func scanned() []string {
	return []string{
		"<xml></xml>", "\n <xml>\n</xml>\t\n", "<xml><a>1</a></xml>", "<xml>\n <a>1</a> <b></b>\n</xml>",
		"<xml><a><![CDATA[1 <&> ]] ]]></a><b>文字 \U0001F600</b></xml>", "<xml><a><![CDATA[]]></a></xml>", "<xml><xml>1</xml></xml>",
		"<xml><_a1>a > b</_a1><detail>{\"a\":[\"b\"]}</detail></xml>", "<xml><a>a\tb\nc</a></xml>",
	}
}

// TestScanV2: the scanner takes the plain form, and reads it as the parser does. It leaves all that
// a parser may change, and all that is wrong.
func TestScanV2(t *testing.T) {
	t.Parallel()
	for _, text := range scanned() {
		got, plain := paygate.ScanV2([]byte(text))
		want, err := paygate.ParseV2([]byte(text))
		if !plain || err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: scanned %t %q, parsed %q %v", text, plain, got, want, err)
		}
	}
	for _, text := range []string{
		"", "<xml>", "<xml><a>1</a>", "<xml><a>1</b></xml>", "<xml><a>1</xml>", "<xml><a/></xml>", "<xml><a b=\"1\">1</a></xml>",
		"<xml><a>&amp;</a></xml>", "<xml><a>a\rb</a></xml>", "<xml><a>\x01</a></xml>", "<xml><a>\xff</a></xml>", "<xml><a>\ufffe</a></xml>",
		"<xml><a>]]></a></xml>", "<xml><a>1</a><a>2</a></xml>", "<xml><a><b>1</b></a></xml>", "<xml>x<a>1</a></xml>", "<xml></xml>x",
		"<xml><a><![CDATA[1]]>2</a></xml>", "<xml><a>1<![CDATA[2]]></a></xml>", "<xml><a><![CDATA[1</a></xml>", "<xml><1a>1</1a></xml>",
		"<xml><>1</></xml>", "<xml><a:b>1</a:b></xml>", "<xml><!-- c --><a>1</a></xml>", "<?xml version=\"1.0\"?><xml></xml>",
		"<!DOCTYPE a><xml></xml>", "\ufeff<xml></xml>", "<XML></XML>", "<xml ></xml>",
	} {
		if got, plain := paygate.ScanV2([]byte(text)); plain {
			t.Errorf("%q was taken as %q", text, got)
		}
	}
}
