package event_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
	scfevents "github.com/tencentyun/scf-go-lib/events"

	"cloudpay/internal/hosting"
	"cloudpay/internal/trigger/event"
)

// typed reads a fixture into one of the libraries' types.
func typed[T any](t *testing.T, name string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(fixture(t, name), &v); err != nil {
		t.Fatalf("%s: %T: %v", name, v, err)
	}
	return v
}

// TestOurReadingAndTheirs holds Decode to the types that the clouds' own libraries have for the
// same events, wherever those can say it.
func TestOurReadingAndTheirs(t *testing.T) {
	t.Parallel()
	want := func(name string, want event.Event) {
		t.Helper()
		got, fault := event.Decode(fixture(t, name))
		if diff := cmp.Diff(want, got); diff != "" || fault != nil {
			t.Errorf("%s: fault %v, theirs and ours (-theirs +ours):\n%s", name, fault, diff)
		}
	}
	for _, name := range []string{"timer", "timer-scf-go-lib"} {
		e := typed[scfevents.TimerEvent](t, name)
		tick := event.TimerTick{Name: e.TriggerName, Message: e.Message, Time: e.Time}
		want(name, event.Event{Kind: event.Timer, Form: "scf-timer", Timer: tick})
	}
	for _, name := range []string{"eventbridge", "eventbridge-scheduler"} {
		e := typed[lambdaevents.EventBridgeEvent](t, name)
		_, rule, _ := strings.Cut(e.Resources[0], "/")
		tick := event.TimerTick{Name: strings.TrimPrefix(rule, "default/"), Time: e.Time.Format("2006-01-02T15:04:05Z")}
		want(name, event.Event{Kind: event.Timer, Form: "eventbridge", Timer: tick})
	}
	for _, name := range []string{"cmq", "cmq-scf-go-lib"} {
		m := typed[scfevents.CMQEvent](t, name).Records[0].Message
		want(name, event.Event{Kind: event.Queue, Form: "cmq", Messages: []event.Message{{ID: m.ID, Body: []byte(m.Body)}}})
	}
	for _, name := range []string{"ckafka", "ckafka-scf-go-lib"} {
		m := typed[scfevents.CkafkaEvent](t, name).Records[0].Message
		id := fmt.Sprint(m.Topic, "/", m.Partition, "/", m.Offset)
		want(name, event.Event{Kind: event.Queue, Form: "ckafka", Messages: []event.Message{{ID: id, Body: []byte(m.Body)}}})
	}
	for _, name := range []string{"sqs", "sqs-two"} {
		e := event.Event{Kind: event.Queue, Form: "sqs"}
		for _, m := range typed[lambdaevents.SQSEvent](t, name).Records {
			e.Messages = append(e.Messages, event.Message{ID: m.MessageId, Body: []byte(m.Body)})
		}
		want(name, e)
	}
	for _, name := range []string{"apigateway", "apigateway-scf-go-lib"} {
		e := typed[scfevents.APIGatewayRequest](t, name)
		r := hosting.Request{Method: e.Method, Path: e.Path, Header: e.Headers, Query: map[string][]string{}, Body: body(e.Body), ID: e.Context.RequestID}
		for name, values := range e.QueryString {
			if r.Query[name] = values; len(values) == 0 {
				r.Query[name] = []string{""}
			}
		}
		want(name, event.Event{Kind: event.HTTP, Form: "api-gateway", HTTPShaped: true, Request: r})
	}
	for _, name := range []string{"awshttp-jwt", "awshttp-lambda", "awshttp", "awshttp-plain"} {
		e := typed[lambdaevents.APIGatewayV2HTTPRequest](t, name)
		r := hosting.Request{
			Method: e.RequestContext.HTTP.Method, Path: e.RawPath, Header: lower(e.Headers), Query: split(e.QueryStringParameters),
			Body: body(e.Body), ID: e.RequestContext.RequestID,
		}
		if authorizer := e.RequestContext.Authorizer; authorizer != nil && authorizer.JWT != nil {
			r.Claims = authorizer.JWT.Claims
		} else if authorizer != nil {
			r.Claims = words(authorizer.Lambda)
		}
		want(name, event.Event{Kind: event.HTTP, Form: "aws-http", HTTPShaped: true, Request: r})
	}
	e := typed[lambdaevents.LambdaFunctionURLRequest](t, "awshttp-url")
	iam := e.RequestContext.Authorizer.IAM
	want("awshttp-url", event.Event{Kind: event.HTTP, Form: "aws-http", HTTPShaped: true, Request: hosting.Request{
		Method: e.RequestContext.HTTP.Method, Path: e.RawPath, Header: e.Headers, Query: split(e.QueryStringParameters),
		Body: body(e.Body), ID: e.RequestContext.RequestID, Claims: map[string]string{
			"accessKey": iam.AccessKey, "accountId": iam.AccountID, "callerId": iam.CallerID, "userArn": iam.UserARN, "userId": iam.UserID,
		},
	}})
	for _, name := range []string{"awsrest", "awsrest-cognito"} {
		e := typed[lambdaevents.APIGatewayProxyRequest](t, name)
		r := hosting.Request{
			Method: e.HTTPMethod, Path: e.Path, Header: map[string]string{}, Query: map[string][]string{}, Body: body(e.Body),
			ID: e.RequestContext.RequestID, Claims: words(e.RequestContext.Authorizer),
		}
		for name, values := range e.MultiValueHeaders {
			r.Header[strings.ToLower(name)] = strings.Join(values, ",")
		}
		maps.Copy(r.Query, e.MultiValueQueryStringParameters)
		want(name, event.Event{Kind: event.HTTP, Form: "aws-rest", HTTPShaped: true, Request: r})
	}
}

func body(text string) []byte {
	if text == "" {
		return nil
	}
	return []byte(text)
}

func lower(header map[string]string) map[string]string {
	lowered := map[string]string{}
	for name, value := range header {
		lowered[strings.ToLower(name)] = value
	}
	return lowered
}

// split undoes payload 2.0's joining, for values without commas of their own.
func split(query map[string]string) map[string][]string {
	all := map[string][]string{}
	for name, value := range query {
		all[name] = strings.Split(value, ",")
	}
	return all
}

// single is a query that has each name once.
func single(query map[string]string) map[string][]string {
	all := map[string][]string{}
	for name, value := range query {
		all[name] = []string{value}
	}
	return all
}

// words flattens an authorizer's context.
func words(context map[string]any) map[string]string {
	flat := map[string]string{}
	for name, value := range context {
		if nested, ok := value.(map[string]any); ok {
			for name, value := range nested {
				flat[name] = fmt.Sprint(value)
			}
			continue
		}
		flat[name] = fmt.Sprint(value)
	}
	return flat
}

// TestWhereTheirsDoNotFit proves what the comments hold against the libraries' types. When it
// fails, one of them can be thought over.
func TestWhereTheirsDoNotFit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		payload string
		into    any
	}{
		"a CMQ owner that is a string":   {`{"Records":[{"CMQ":{"topicOwner":"120","msgBody":""}}]}`, &scfevents.CMQEvent{}},
		"a CMQ tag that is null":         {`{"Records":[{"CMQ":{"msgTag":null,"msgBody":""}}]}`, &scfevents.CMQEvent{}},
		"a header with a list of values": {`{"httpMethod":"GET","headers":{"a":["1","2"]},"requestContext":{"serviceId":"s"}}`, &scfevents.APIGatewayRequest{}},
		"a Cognito authorizer's number":  {`{"version":"2.0","requestContext":{"http":{"method":"GET"},"authorizer":{"jwt":{"claims":{"n":1}}}}}`, &lambdaevents.APIGatewayV2HTTPRequest{}},
	} {
		if _, fault := event.Decode([]byte(test.payload)); fault != nil {
			t.Errorf("%s: ours says %s", name, fault)
		}
		if err := json.Unmarshal([]byte(test.payload), test.into); err == nil {
			t.Errorf("%s: theirs took it, and %T would do now", name, test.into)
		}
	}
	var timer scfevents.TimerEvent
	if err := json.Unmarshal([]byte(`{"Message":"theirs","message":"mine"}`), &timer); err != nil || timer.Message != "mine" {
		t.Errorf("got %q and error %v: TimerEvent no longer takes keys in any case", timer.Message, err)
	}
}
