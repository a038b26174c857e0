# The image of web, the function with several routes, and of the command cloudpay, which sweeps:
# docs/containers.md. Tests carry out these lines and run the programs (internal/containertest).
FROM golang:1.26-alpine AS build
ARG GOPROXY
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -tags lambda.norpc -ldflags '-s -w' -o /out/ ./functions/web ./cmd/cloudpay

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/web /out/cloudpay /usr/local/bin/
ENV PATH=/usr/local/bin PORT=8080
EXPOSE 8080
USER 65532:65532
CMD ["web"]
