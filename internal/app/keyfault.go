package app

import (
	"errors"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
	"cloudpay/pkg/v3json"
)

// addFault adds a parsing error to the faults, unless the variable has a fault already: a missing
// key is not reported as unusable too. A nil error is no fault.
func addFault(faults *config.Faults, variable string, err error) {
	if err == nil || faults.Has(variable) {
		return
	}
	faults.List = append(faults.List, config.Fault{
		Variable: variable,
		Problem:  bilingual.Sprintf("cannot be used: %s", "无法使用：%s", keyFault(err)),
		Remedy:   bilingual.New("give it as the merchant console has it", "请按商户平台提供的原样填写"),
	})
}

// ownKey adds the one fault that shows only when all keys are parsed: the merchant's own key stands
// in for WeChat Pay's. The client's error names its fields; an operator knows the variables.
func ownKey(faults *config.Faults, err error) {
	// Any other error of Check is about WeChat Pay's public key.
	own, is := errors.AsType[*v3json.OwnKeyError](err)
	if !is {
		addFault(faults, "WXPAY_PUBLIC_KEY", err)
		return
	}
	faults.List = append(faults.List, config.Fault{
		Variable: "WXPAY_PUBLIC_KEY",
		Problem: bilingual.Sprintf("holds the public half of WXPAY_PRIVATE_KEY, as %s", "是 WXPAY_PRIVATE_KEY 对应的公钥（%s）",
			own.ID),
		Remedy: bilingual.New("give pub_key.pem, WeChat Pay's public key (微信支付公钥): the merchant's own key signs no reply",
			"请填 pub_key.pem，即微信支付公钥：应答不由商户自己的密钥签名"),
	})
}

// keyFault is an error of the key parsers in both languages. The parsers are public packages with
// English errors.
func keyFault(err error) bilingual.Text {
	return bilingual.New(err.Error(), keyWords.Replace(err.Error()))
}

// keyWords translates the parsers' errors part by part. A part that is missing here stays English.
var keyWords = strings.NewReplacer(
	"private key: ", "私钥：",
	"public key ", "公钥 ",
	"its RSA PRIVATE KEY block is damaged", "其 RSA PRIVATE KEY 内容已损坏",
	"its PRIVATE KEY block is damaged", "其 PRIVATE KEY 内容已损坏",
	"its RSA PUBLIC KEY block is damaged", "其 RSA PUBLIC KEY 内容已损坏",
	"its PUBLIC KEY block is damaged", "其 PUBLIC KEY 内容已损坏",
	"it has ", "有 ",
	" bits, and WeChat Pay's keys have 2048: it is not safe, and not one of theirs",
	" 位，而微信支付的密钥为 2048 位：不安全，也不是其密钥",
	" bytes, too many for one key in PEM", " 字节，作为一个 PEM 密钥过长",
	"it holds more than one PEM block: give the one that is meant", "含有多个 PEM 块：请只填所需的一个",
	"it is of type ", "类型为 ",
	", and WeChat Pay's requests are signed with RSA", "，而微信支付的请求使用 RSA 签名",
	", and replies are signed with RSA", "，而应答使用 RSA 签名",
)
