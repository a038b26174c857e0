package mutants

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
)

// Order is what is known of an order that a client is to pay. Hindrance is why it cannot be paid;
// empty: it can.
type Order struct{ API, SignType, AppID, MchID, PrepayID, Hindrance string }

// payment is the fields of a requestPayment, in the order in which they are handed over.
type payment struct {
	TimeStamp string `json:"timeStamp"`
	NonceStr  string `json:"nonceStr"`
	Package   string `json:"package"`
	SignType  string `json:"signType"`
	PaySign   string `json:"paySign"`
}

// anewPayment is another payment of a mini-program, by either API, without its signature.
func (k *maker) anewPayment(signType string) payment {
	k.Order = Order{API: "v2", SignType: signType, AppID: k.world.AppID, MchID: k.world.MchID, PrepayID: "wx29" + k.text(smalls, 30)}
	if signType == "RSA" {
		k.Order.API, k.Order.SignType = "v3", ""
	}
	return payment{
		TimeStamp: strconv.Itoa(1_790_000_000 + k.random.IntN(9_000_000)), NonceStr: k.text(letters, k.between(16, 32)),
		Package: "prepay_id=" + k.Order.PrepayID, SignType: signType,
	}
}

// lines is what APIv3 signs.
func (k *maker) lines(p payment) string {
	return k.Order.AppID + "\n" + p.TimeStamp + "\n" + p.NonceStr + "\n" + p.Package + "\n"
}

// pairs is what APIv2 signs, as elements.
func (k *maker) pairs(p payment) []element {
	return []element{
		{"appId", k.Order.AppID, false}, {"timeStamp", p.TimeStamp, false}, {"nonceStr", p.NonceStr, false},
		{"package", p.Package, false}, {"signType", p.SignType, false},
	}
}

// rsaSign is a paySign of APIv3.
func rsaSign(key *rsa.PrivateKey, text string) string {
	return base64.StdEncoding.EncodeToString(signRSA(key, text))
}

// hand hands the payment over.
func (k *maker) hand(p any) bool {
	body, err := json.Marshal(p)
	k.Body = body
	return err == nil && k.as("%s", body)
}

// linesMistake signs another text by APIv3 than is handed over.
func linesMistake(change func(*maker, *payment) string) func(*maker) bool {
	return func(k *maker) bool {
		p := k.anewPayment("RSA")
		text := change(k, &p)
		p.PaySign = rsaSign(k.world.Key, text)
		return text != k.lines(p) && k.hand(p)
	}
}

// pairsMistake makes another sign by APIv2 than is right.
func pairsMistake(change func(*maker, payment) string) func(*maker) bool {
	return func(k *maker) bool {
		p := k.anewPayment(pick(k, []string{signMD5, signHMAC}))
		p.PaySign = change(k, p)
		return p.PaySign != digestV2(joined(k.pairs(p))+"&key="+k.world.V2Key, k.world.V2Key, p.SignType) && k.hand(p)
	}
}

// editedFields hands over a field in a wrong form, under a signature that is right.
func editedFields(change func(*maker, map[string]any)) func(*maker) bool {
	return func(k *maker) bool {
		p := k.anewPayment("RSA")
		object := map[string]any{
			"timeStamp": p.TimeStamp, "nonceStr": p.NonceStr, "package": p.Package, "signType": "RSA",
			"paySign": rsaSign(k.world.Key, k.lines(p)),
		}
		change(k, object)
		return k.hand(object)
	}
}

// rsaMistake hands over another signature of the right text than APIv3's.
func rsaMistake(sign func(*maker, string) string) func(*maker) bool {
	return func(k *maker) bool {
		p := k.anewPayment("RSA")
		text := k.lines(p)
		p.PaySign = sign(k, text)
		return p.PaySign != rsaSign(k.world.Key, text) && k.hand(p)
	}
}

// anewApp is another payment of an app, by either API, with its signature. An app's names are in
// small letters, and APIv3 signs the bare prepay_id of it.
func (k *maker) anewApp() map[string]any {
	p := k.anewPayment(pick(k, []string{"RSA", signMD5, signHMAC}))
	doc := []element{
		{"appid", k.Order.AppID, false}, {"partnerid", k.Order.MchID, false}, {"prepayid", k.Order.PrepayID, false},
		{"package", "Sign=WXPay", false}, {"noncestr", p.NonceStr, false}, {"timestamp", p.TimeStamp, false},
	}
	fields := map[string]any{"sign": k.sum2(p, doc)}
	if p.SignType == "RSA" {
		p.Package = k.Order.PrepayID
		fields["sign"] = rsaSign(k.world.Key, k.lines(p))
	}
	for _, one := range doc {
		fields[one.name] = one.value
	}
	return fields
}

// varyPayment makes a right one, by either API.
func (k *maker) varyPayment() {
	if k.rarely(4) {
		k.hand(k.anewApp())
		return
	}
	p := k.anewPayment(pick(k, []string{"RSA", signMD5, signHMAC}))
	p.PaySign = rsaSign(k.world.Key, k.lines(p))
	if p.SignType != "RSA" {
		p.PaySign = digestV2(joined(k.pairs(p))+"&key="+k.world.V2Key, k.world.V2Key, p.SignType)
	}
	k.hand(p)
}

// mistakesPaySign are those in what a client is handed to pay with.
var mistakesPaySign = []mutator{
	{"pay-sign-field-missing", PaySign, editedFields(func(k *maker, o map[string]any) {
		delete(o, pick(k, []string{"timeStamp", "nonceStr", "package", "paySign"}))
	})},
	{"pay-sign-field-type", PaySign, editedFields(func(_ *maker, o map[string]any) {
		text, _ := o["timeStamp"].(string)
		o["timeStamp"], _ = strconv.Atoi(text) // ten digits
	})},
	{"pay-sign-field-name", PaySign, editedFields(func(k *maker, o map[string]any) {
		// one layer of a program names a field otherwise than the next, and both hand it over
		both := pick(k, [][2]string{
			{"package", "packageVal"}, {"timeStamp", "timestamp"}, {"nonceStr", "nonce_str"}, {"signType", "sign_type"}, {"paySign", "sign"},
		})
		o[both[1]] = o[both[0]]
	})},
	{"pay-sign-time-form", PaySign, editedFields(func(k *maker, o map[string]any) {
		o["timeStamp"] = pick(k, []string{"1790000000123", "2026-11-30", "0", "1790000000.5"})
	})},
	{"pay-sign-nonce-long", PaySign, editedFields(func(k *maker, o map[string]any) { o["nonceStr"] = k.text(letters, k.between(33, 40)) })},
	{"pay-sign-package-form", PaySign, editedFields(func(k *maker, o map[string]any) {
		o["package"] = pick(k, []string{k.Order.PrepayID, "prepay_id:" + k.Order.PrepayID, "prepayid=" + k.Order.PrepayID})
	})},
	{"pay-sign-prepay-id", PaySign, editedFields(func(k *maker, o map[string]any) { o["package"] = "prepay_id=wx29" + k.text(smalls, 29) })},
	{"pay-sign-appid-other", PaySign, editedFields(func(k *maker, o map[string]any) { o["appId"] = "wx" + k.text(smalls, 16) })},
	{"pay-sign-partnerid", PaySign, func(k *maker) bool {
		fields := k.anewApp()
		fields["partnerid"] = pick(k, []string{k.world.Other.MchID, k.world.SubMchID, "1" + k.text(digits, 9)})
		return fields["partnerid"] != k.Order.MchID && k.hand(fields)
	}},
	{"pay-sign-not-payable", PaySign, func(k *maker) bool {
		k.varyPayment()
		k.Order.Hindrance = pick(k, []string{"the order is closed", "the order is paid", "the prepay_id has expired"})
		return k.as("%s, and %s", k.Body, k.Order.Hindrance)
	}},
	{"pay-sign-type", PaySign, editedFields(func(k *maker, o map[string]any) {
		o["signType"] = pick(k, []string{"MD5", "", "HMAC-SHA256", "RSA2"})
	})},
	{"pay-sign-v2-sign", PaySign, editedFields(func(k *maker, o map[string]any) { o["paySign"] = k.text(capitals, pick(k, []int{32, 64})) })},
	{"pay-sign-v3-sign", PaySign, pairsMistake(func(k *maker, p payment) string { return rsaSign(k.world.Key, k.lines(p)) })},
	{"pay-sign-base64", PaySign, rsaMistake(func(k *maker, text string) string {
		raw := signRSA(k.world.Key, text)
		return pick(k, []string{
			k.hex(raw), base64.RawStdEncoding.EncodeToString(raw), strings.ReplaceAll(base64.StdEncoding.EncodeToString(raw), "+", " "),
			base64.StdEncoding.EncodeToString([]byte(k.hex(raw))),
		})
	})},
	{"pay-sign-length", PaySign, rsaMistake(func(k *maker, text string) string { return k.otherLength(signRSA(k.world.Key, text)) })},
	{"pay-sign-length", PaySign, pairsMistake(func(k *maker, p payment) string {
		sum := k.sum2(p, k.pairs(p))
		raw, _ := hex.DecodeString(sum)
		return pick(k, []string{sum[8:24], sum[:len(sum)-k.between(1, 8)], base64.StdEncoding.EncodeToString(raw)})
	})},
	{"pay-sign-hash", PaySign, rsaMistake((*maker).hashed)},
	{"pay-sign-pss", PaySign, rsaMistake((*maker).padded)},
	{"pay-sign-key-merchant", PaySign, rsaMistake(func(k *maker, text string) string { return rsaSign(k.world.Other.Key, text) })},
	{"pay-sign-key-platform", PaySign, rsaMistake(func(k *maker, text string) string { return rsaSign(k.world.PublicKey.Key, text) })},
	{"pay-sign-key-other", PaySign, rsaMistake(func(k *maker, text string) string { return rsaSign(k.world.stranger, text) })},
	{"pay-sign-package-signed", PaySign, linesMistake(func(k *maker, p *payment) string {
		return strings.Replace(k.lines(*p), "prepay_id=", "", 1)
	})},
	{"pay-sign-appid-signed", PaySign, linesMistake(func(k *maker, p *payment) string {
		return strings.Replace(k.lines(*p), k.Order.AppID, pick(k, []string{"", k.world.MchID}), 1)
	})},
	{"pay-sign-last-line-feed", PaySign, linesMistake(func(k *maker, p *payment) string { return strings.TrimSuffix(k.lines(*p), "\n") })},
	{"pay-sign-backslash-n", PaySign, linesMistake(func(k *maker, p *payment) string { return strings.ReplaceAll(k.lines(*p), "\n", `\n`) })},
	{"pay-sign-separator", PaySign, linesMistake(func(k *maker, p *payment) string {
		return strings.ReplaceAll(k.lines(*p), "\n", pick(k, []string{"\r\n", "", "&"}))
	})},
	{"pay-sign-lines-swapped", PaySign, linesMistake(func(k *maker, p *payment) string {
		return k.Order.AppID + "\n" + p.NonceStr + "\n" + p.TimeStamp + "\n" + p.Package + "\n"
	})},
	{"pay-sign-pairs", PaySign, linesMistake(func(k *maker, p *payment) string { return joined(k.pairs(*p)) })},
	{"pay-sign-timestamp-differs", PaySign, linesMistake(func(k *maker, p *payment) string {
		text := k.lines(*p)
		seconds, _ := strconv.Atoi(p.TimeStamp) // ten digits
		p.TimeStamp = strconv.Itoa(seconds + k.between(1, 3))
		return text
	})},
	{"pay-sign-nonce-differs", PaySign, linesMistake(func(k *maker, p *payment) string {
		// one that has nothing in common with the other leaves no trace: it is pay-sign-other
		signed := *p
		signed.NonceStr = pick(k, []string{strings.ToUpper(p.NonceStr), strings.ToLower(p.NonceStr), ""})
		return k.lines(signed)
	})},
	{"pay-sign-key-v3", PaySign, pairsMistake(func(k *maker, p payment) string {
		return digestV2(joined(k.pairs(p))+"&key="+k.world.V3Key, k.world.V3Key, p.SignType)
	})},
	{"pay-sign-key-form", PaySign, pairsMistake(func(k *maker, p payment) string {
		text := joined(k.pairs(p))
		return digestV2(pick(k, []string{text, text + k.world.V2Key, text + "&" + k.world.V2Key}), k.world.V2Key, p.SignType)
	})},
	{"pay-sign-digest", PaySign, pairsMistake(func(k *maker, p payment) string {
		other := map[string]string{signMD5: signHMAC, signHMAC: signMD5}[p.SignType]
		return digestV2(joined(k.pairs(p))+"&key="+k.world.V2Key, k.world.V2Key, other)
	})},
	{"pay-sign-small-letters", PaySign, pairsMistake(func(k *maker, p payment) string { return strings.ToLower(k.sum2(p, k.pairs(p))) })},
	{"pay-sign-names", PaySign, pairsMistake(func(k *maker, p payment) string {
		doc := k.pairs(p)
		one := k.rarely(2)
		for i := range doc {
			if doc[i].name == "appId" || !one {
				doc[i].name = strings.ToLower(doc[i].name)
			}
		}
		return k.sum2(p, doc)
	})},
	{"pay-sign-order", PaySign, pairsMistake(func(k *maker, p payment) string {
		return digestV2(inOrder(k.pairs(p))+"&key="+k.world.V2Key, k.world.V2Key, p.SignType)
	})},
	{"pay-sign-fields", PaySign, pairsMistake(func(k *maker, p payment) string { return k.sum2(p, without(k.pairs(p), "signType")) })},
	{"pay-sign-values", PaySign, pairsMistake(func(k *maker, p payment) string {
		return k.sum2(p, with(k.pairs(p), "package", strings.Replace(p.Package, "=", "%3D", 1)))
	})},
	{"pay-sign-other", PaySign, pairsMistake(func(k *maker, p payment) string {
		key := k.text(letters, 32)
		return digestV2(joined(k.pairs(p))+"&key="+key, key, p.SignType)
	})},
}

// sum2 is the sign of fields with the right key and digest.
func (k *maker) sum2(p payment, doc []element) string {
	return digestV2(joined(doc)+"&key="+k.world.V2Key, k.world.V2Key, p.SignType)
}
