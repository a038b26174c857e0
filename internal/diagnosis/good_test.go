package diagnosis_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"cloudpay/internal/diagnosis/mutants"
	"cloudpay/pkg/paygate"
	"cloudpay/pkg/v2xml"
	"cloudpay/pkg/v3json"
)

// exchanges takes what a client of this module sends to the emulated gateway, and what it answers.
type exchanges struct {
	request, reply mutants.Kind
	taken          []mutants.Message
}

func (e *exchanges) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent []byte
	if r.Body != nil {
		var err error
		if sent, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	reply, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answered, err := io.ReadAll(reply.Body)
	if err != nil {
		return nil, err
	}
	reply.Body = io.NopCloser(bytes.NewReader(answered))
	request := mutants.Message{
		Kind: e.request, Method: r.Method, URI: r.URL.RequestURI(), Host: r.URL.Host, Header: r.Header, Body: sent, At: goodTime,
	}
	answer := mutants.Message{Kind: e.reply, Status: reply.StatusCode, Header: reply.Header, Body: answered, At: goodTime}
	e.taken = append(e.taken, request, answer)
	return reply, nil
}

// goodTime is when the messages of this module are exchanged.
var goodTime = time.Unix(1_796_010_661, 0)

// good is the messages of other people's SDKs, and of the codecs of this module.
func good(t *testing.T, world *mutants.World) []mutants.Message {
	t.Helper()
	all, err := world.Captured()
	must(t, err)
	gate := paygate.RunT(t, paygate.Options{
		Merchants: []*paygate.Merchant{{
			MchID: world.MchID, AppID: world.AppID, V2Key: world.V2Key, V3Key: world.V3Key, SerialNo: world.Serial,
			PrivateKey: world.Key, SubMchIDs: []string{world.SubMchID},
		}},
		PlatformKey: world.PublicKey.Key, PublicKeyID: world.PublicKey.Serial, CertificateKey: world.Certificate.Key,
		Now: func() time.Time { return goodTime },
	})
	for i, number := range numbers {
		must(t, gate.AddOrder(paygate.Order{MchID: world.MchID, OutTradeNo: number, Total: 100, OpenID: "oABC", Attach: "附加 <&>"}))
		must(t, gate.AddOrder(paygate.Order{MchID: world.MchID, SubMchID: world.SubMchID, OutTradeNo: number + "p", Total: 100}))
		if i == 0 {
			gate.MustPay(number)
		}
	}
	v3 := &exchanges{request: mutants.RequestV3, reply: mutants.ReplyV3}
	askV3(t, gate, world, v3)
	all = append(all, v3.taken...)
	for _, signType := range []v2xml.SignType{v2xml.MD5, v2xml.HMACSHA256} {
		v2 := &exchanges{request: mutants.RequestV2, reply: mutants.ReplyV2}
		askV2(t, gate, world, v2, signType)
		all = append(all, v2.taken...)
	}
	return all
}

// numbers are of orders, the first of which is paid. Their characters are escaped in paths, or not.
var numbers = []string{"A|1*2", "order-1", "ORDER_2*", "3|3", "1217752501201407033233", "a@b"}

// askV3 closes and queries each order by APIv3. Refusals are replies too.
func askV3(t *testing.T, gate *paygate.Server, world *mutants.World, through http.RoundTripper) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(world.Key)
	must(t, err)
	key, err := v3json.ParseKey(world.Serial, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	must(t, err)
	public, err := v3json.ParsePublicKey(world.PublicKey.Serial, publicPEM(t, world.PublicKey.Key))
	must(t, err)
	keys, err := v3json.NewKeyring(public)
	must(t, err)
	drawn := 0
	client := &v3json.Client{
		MchID: world.MchID, Key: key, Keys: keys, BaseURL: gate.URL, HTTPClient: &http.Client{Transport: through},
		Now:   func() time.Time { return goodTime },
		Nonce: func() string { drawn++; return fmt.Sprintf("593BEC0C930BF1AFEB40B4A08C8F%04d", drawn) },
	}
	paid := gate.MustOrder(numbers[0], paygate.Owner{MchID: world.MchID}).TransactionID
	ask := func(request v3json.Request, closing bool) {
		if closing {
			_, err = client.CloseOrder(context.Background(), request)
		} else {
			_, err = client.QueryOrder(context.Background(), request)
		}
	}
	ask(v3json.Request{TransactionID: paid}, false)
	for _, number := range numbers {
		for _, request := range []v3json.Request{{OutTradeNo: number}, {OutTradeNo: number + "p", SubMchID: world.SubMchID}} {
			ask(request, false)
			ask(request, true)
		}
	}
}

// askV2 does the same by APIv2.
func askV2(t *testing.T, gate *paygate.Server, world *mutants.World, through http.RoundTripper, signType v2xml.SignType) {
	t.Helper()
	drawn := 0
	client := &v2xml.Client{
		AppID: world.AppID, MchID: world.MchID, Key: v2xml.Key(world.V2Key), SignType: signType, BaseURL: gate.URL,
		HTTPClient: &http.Client{Transport: through},
		Nonce:      func() string { drawn++; return fmt.Sprintf("5K8264ILTKCH16CQ2502SI8ZNMTM%04d", drawn) },
	}
	for _, number := range numbers {
		for _, request := range []v2xml.Request{{OutTradeNo: number}, {OutTradeNo: number + "p", SubMchID: world.SubMchID}} {
			_, _ = client.QueryOrder(context.Background(), request) // a refusal is a reply too
			_, _ = client.CloseOrder(context.Background(), request)
		}
	}
}

func publicPEM(t *testing.T, key *rsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// must ends the test for an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
