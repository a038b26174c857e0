package cause

import "cloudpay/internal/bilingual"

// Symptom is a set of messages that mean the same, with the causes that they share.
type Symptom struct {
	// Title says what is seen.
	Title bilingual.Text
	// Messages are the texts, those of WeChat Pay first.
	Messages []Message
	// IDs are the causes, the likeliest first.
	IDs []ID
}

// Symptoms returns all that can be seen, in the order of docs/why.md: what WeChat Pay answers to a
// request, what a program says of a reply, of a notification, and of its own keys, and what
// WeChat's client says to a user who is to pay.
func Symptoms() []Symptom {
	var all []Symptom
	for _, group := range [][]symptom{requestSymptoms, accountSymptoms, replySymptoms, noticeSymptoms, paySignSymptoms} {
		for _, s := range group {
			all = append(all, s.build())
		}
	}
	return all
}

// Messages returns the messages of all symptoms, in their order.
func Messages() []Message {
	var all []Message
	for _, s := range Symptoms() {
		all = append(all, s.Messages...)
	}
	return all
}

// symptom is a row of the tables of symptoms.
type symptom struct {
	title bilingual.Text
	ids   []ID
	seen  []seen
}

// seen is what one program shows for a symptom.
type seen struct {
	from  string
	texts []string
}

// build gives each text the causes of its row.
func (s symptom) build() Symptom {
	built := Symptom{Title: s.title, IDs: s.ids}
	for _, by := range s.seen {
		for _, text := range by.texts {
			built.Messages = append(built.Messages, Message{Text: text, From: by.from, IDs: s.ids})
		}
	}
	return built
}

// The programs whose messages the tables hold.
const (
	wechatPay  = "WeChat Pay"
	emulated   = "the emulated WeChat Pay" // where no document of WeChat Pay prints its words
	sdkGo      = "wechatpay-go"
	sdkJava    = "wechatpay-java"
	sdkPHP     = "wechatpay-php"
	sdkGuzzle  = "wechatpay-guzzle-middleware"
	sdkApache  = "wechatpay-apache-httpclient"
	wxJava     = "WxJava"
	goPay      = "gopay"
	axios      = "wechatpay-axios-plugin"
	nodeV3     = "wechatpay-node-v3"
	easyWeChat = "easywechat"
	nodeTenpay = "node-tenpay"
	pythonV3   = "wechatpayv3"
	yansongda  = "yansongda/pay"
	skitNet    = "SKIT.FlurlHttpClient.Wechat"
	javaItself = "Java"
	nodeItself = "Node.js"
	goItself   = "Go"
)
