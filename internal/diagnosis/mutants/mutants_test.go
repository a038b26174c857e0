package mutants_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"cloudpay/internal/diagnosis/mutants"
)

func newMaker(t *testing.T) (*mutants.World, *mutants.Maker) {
	t.Helper()
	world, err := mutants.NewWorld()
	if err != nil {
		t.Fatal(err)
	}
	good, err := world.Captured()
	if err != nil {
		t.Fatal(err)
	}
	return world, world.NewMaker(good)
}

// Of each SDK and of each kind there are messages, and there are as many as were captured.
func TestCaptured(t *testing.T) {
	t.Parallel()
	world, _ := newMaker(t)
	good, err := world.Captured()
	if err != nil {
		t.Fatal(err)
	}
	kinds, programs := map[mutants.Kind]int{}, map[string]int{}
	for _, m := range good {
		kinds[m.Kind]++
		programs[m.From]++
	}
	for kind, least := range map[mutants.Kind]int{
		mutants.RequestV3: 24, mutants.RequestV2: 28, mutants.ReplyV3: 24, mutants.ReplyV2: 29,
		mutants.NotificationV3: 2, mutants.NotificationV2: 1,
	} {
		if kinds[kind] < least {
			t.Errorf("got %d messages of kind %s, want %d and more", kinds[kind], kind, least)
		}
	}
	for _, program := range []string{"wechatpay-go", "gopay", "gopay-v2", "wechatpay-axios-plugin", "paygate"} {
		if programs[program] == 0 {
			t.Errorf("there is no message of %s", program)
		}
	}
	if world.Certificate.Serial == "" {
		t.Error("no reply is signed by the certificate")
	}
}

var item = regexp.MustCompile(`(\w+)="([^"]*)"`)

// Good messages stay good when they are varied: their signatures hold over what the documents say.
func TestRight(t *testing.T) {
	t.Parallel()
	world, maker := newMaker(t)
	for n := range uint64(600) {
		m := maker.Right(1, n)
		if m.Cause != "" {
			t.Fatalf("%d: a right message has the mistake %s", n, m.Cause)
		}
		text, key, signature := "", &world.Key.PublicKey, ""
		switch m.Kind {
		case mutants.RequestV3:
			items := map[string]string{}
			for _, one := range item.FindAllStringSubmatch(m.Header.Get("Authorization"), -1) {
				items[one[1]] = one[2]
			}
			signature = items["signature"]
			text = m.Method + "\n" + m.URI + "\n" + items["timestamp"] + "\n" + items["nonce_str"] + "\n" + string(m.Body) + "\n"
		case mutants.ReplyV3, mutants.NotificationV3:
			if m.Header.Get("Wechatpay-Serial") == world.PublicKey.Serial {
				key = &world.PublicKey.Key.PublicKey
			} else {
				key = &world.Certificate.Key.PublicKey
			}
			signature = m.Header.Get("Wechatpay-Signature")
			text = m.Header.Get("Wechatpay-Timestamp") + "\n" + m.Header.Get("Wechatpay-Nonce") + "\n" + string(m.Body) + "\n"
		case mutants.RequestV2, mutants.ReplyV2, mutants.NotificationV2, mutants.PaySign: // package v2xml verifies them, in the judging test
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(signature)
		if err != nil {
			t.Fatalf("%d: %v in %q", n, err, signature)
		}
		digest := sha256.Sum256([]byte(text))
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], raw); err != nil {
			t.Fatalf("%d: the signature of a right message of %s does not hold over\n%q", n, m.From, text)
		}
	}
}

// Each mistake can be made in what was captured, a mutant is the same when it is made again, and is
// another message than a good one, or has other keys.
func TestWrong(t *testing.T) {
	t.Parallel()
	_, maker := newMaker(t)
	const rounds = 8
	made := map[string]int{}
	for n := range uint64(rounds * len(mutants.Causes())) {
		got, err := maker.Wrong(7, n)
		if err != nil {
			t.Fatal(err)
		}
		made[got.Cause]++
		if got.How == "" {
			t.Errorf("%d: a mutant of %s does not say how", n, got.Cause)
		}
		again, err := maker.Wrong(7, n)
		if err != nil {
			t.Fatal(err)
		}
		// the library draws the salt of PSS
		if !strings.HasSuffix(got.Cause, "-pss") && !same(got.Message, again.Message) {
			t.Errorf("%d: a mutant of %s is made differently the second time: %s, %s", n, got.Cause, got.How, again.How)
		}
	}
	for _, cause := range mutants.Causes() {
		if made[cause] == 0 {
			t.Errorf("there is no mutant of %s", cause)
		}
	}
}

func same(a, b mutants.Message) bool {
	var one, other bytes.Buffer
	_ = a.Header.Write(&one) // to memory
	_ = b.Header.Write(&other)
	return a.URI == b.URI && bytes.Equal(a.Body, b.Body) && one.String() == other.String() && a.At.Equal(b.At)
}

// There are as many mistakes as have to be told apart, and more: 24 of requests of APIv3,
// 11 of APIv2, and 5 of replies and notifications.
func TestCauses(t *testing.T) {
	t.Parallel()
	sides := map[string]int{}
	for _, cause := range mutants.Causes() {
		sides[regexp.MustCompile(`^[a-z0-9]+`).FindString(cause)]++
	}
	for side, least := range map[string]int{"v3": 24, "v2": 11, "reply": 3, "notice": 2, "pay": 36} {
		if sides[side] < least {
			t.Errorf("got %d mistakes of %s, want %d and more", sides[side], side, least)
		}
	}
}
