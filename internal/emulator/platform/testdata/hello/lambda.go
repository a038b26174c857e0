package main

import (
	"net/http"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
)

// startLambda asks Lambda's Runtime API for events.
func startLambda() {
	if wayToStart() == "init error" {
		address := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/init/error"
		_, _ = http.Post(address, "application/json", strings.NewReader(`{"errorMessage":"no\nconfiguration","errorType":"Init"}`))
		os.Exit(1)
	}
	lambda.Start(handle)
}
