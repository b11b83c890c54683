"""Whether a frame is a library's, by where its file is or what its package is called; all others are the program's own. Pure.

Folders go before names: only where a language puts no folder into its traces, or a platform puts libraries beside the
program, are there lists, and in them stands what is installed most.
"""

import re
from typing import Final

# What only package managers, toolchains and systems have in their paths.
FOLDERS: Final = (
    *("site-packages/", "dist-packages/", "/lib/python", "/Lib/", "/opt/python/", "/.deps/", "/external/"),  # Python
    *("node_modules/", "extension://", "/.yarn/", "/.pnpm/", "webpack/bootstrap", "webpack/runtime"),  # JavaScript
    *("go/src/", "/pkg/mod/", "/vendor/", "/src/runtime/"),  # Go, PHP, Ruby
    *("/gems/", "/lib/ruby/", "/rubygems/", "/rustc/", "/.cargo/", "/.rustup/"),
    *("/deps/", "/lib/elixir/", "/lib/erlang/", "/.pub-cache/", "/_/src/", "/share/php/"),
)
STARTS: Final = (
    "<",
    "node:",
    "internal/",
    "native",
    "ext:",
    "deno:",
    "bun:",
    "dart:",
    "vendor/",
    "deps/",
    "library/",
    "/_/",
)
COMPILED: Final = (".pyx", ".pxi", ".pxd", ".s", ".erl")  # of what is compiled into a package, by a path of its own
# Where a path has no such folder: `/var/task/botocore/client.py` of AWS Lambda, `package:http/http.dart`.
_PACKAGE_OF: Final = re.compile(
    r"/var/task/(?:boto3|botocore|s3transfer|urllib3|requests|certifi|jmespath|aws_\w++|pydantic|sqlalchemy|psycopg2?|pymysql"
    r"|redis|httpx|httpcore|flask|django|fastapi|starlette|mangum|werkzeug|jinja2|numpy|pandas|google|sentry_sdk)/"
    r"|/var/runtime/"
    r"|package:(?:flutter\w{0,30}+|http|dio|async|stack_trace|collection|provider|bloc|flutter_bloc|riverpod\w{0,30}+|hooks_riverpod|get"
    r"|test\w{0,30}+|shelf\w{0,30}+|sentry\w{0,30}+|firebase_\w++|cloud_firestore|sqflite\w{0,30}+|drift|hive|graphql\w{0,30}+|web_socket_channel|grpc)/"
)
_BY_CLASS: Final = re.compile(
    # Java, Kotlin, Scala, Clojure, Android
    r"(?:java|javax|jakarta|sun|jdk|kotlin|kotlinx|scala|groovy|clojure|android|androidx|dalvik|junit|akka|cats|zio|play"
    r"|reactor|okhttp3|okio|retrofit2|retrofit|feign|rx|brave|freemarker|redis\.clients|_COROUTINE"
    r"|com\.(?:sun|fasterxml|zaxxer|mysql|oracle|ibm|mongodb|amazonaws|datastax|rabbitmq|squareup|netflix|hazelcast|sap"
    r"|mchange|jcraft|microsoft|azure|typesafe|twitter|intellij|android|codahale|sksamuel|stripe|vaadin|github"
    r"|google\.(?:common|gson|inject|protobuf|api|cloud|firebase|android|auth|devtools|errorprone))"
    r"|io\.(?:netty|grpc|micrometer|opentelemetry|vertx|micronaut|quarkus|lettuce|reactivex|undertow|ktor|prometheus"
    r"|jsonwebtoken|swagger|kubernetes|helidon|smallrye|sentry|dropwizard|projectreactor|confluent)"
    r"|net\.(?:bytebuddy|sf|minidev|ttddyy|logstash|javacrumbs|spy)|software\.amazon|ch\.qos|oracle|liquibase"
    r"|org\.(?:junit|apache|springframework|hibernate|eclipse|jboss|codehaus|slf4j|postgresql|mariadb|h2|hsqldb|sqlite"
    r"|flywaydb|mybatis|jooq|mockito|testng|glassfish|thymeleaf|elasticsearch|opensearch|quartz|infinispan|xnio|wildfly"
    r"|aspectj|bouncycastle|json|jsoup|yaml|xml|w3c|hamcrest|assertj|joda|ehcache|redisson|neo4j|bson|mongodb|graalvm"
    r"|openjdk|reactivestreams|http4s|koin|jetbrains|gradle|keycloak|camunda|axonframework|conscrypt|chromium|zeromq|lz4)"
    # .NET
    r"|System|Microsoft|Npgsql|MySql|MySqlConnector|Oracle|Newtonsoft|Dapper|Serilog|AutoMapper|MediatR|StackExchange|Grpc"
    r"|Google|Polly|FluentValidation|RabbitMQ|Castle|MongoDB|Azure|Amazon|MassTransit|Hangfire|Quartz|NLog|log4net|RestSharp"
    r"|Refit|Swashbuckle|IdentityServer4|Autofac|Xunit|NUnit|Moq|Confluent|Elastic|Sentry|lambda_method\d*+"
    # Elixir and Erlang
    r"|Elixir\.(?:Enum|Map|GenServer)|Enum|Map|List|Keyword|String|Kernel|Access|Stream|Task|Agent|GenServer|Supervisor|File"
    r"|Integer|Float|Regex|URI|Ecto|Phoenix|Plug|DBConnection|Postgrex|Jason|Poison|Tesla|Finch|Mint|HTTPoison|Oban|Broadway"
    r"|Absinthe|Bandit|Cowboy|ExUnit|Logger|Mix)[.$]"
    r"|:\w"  # a module of Erlang
)
_GO_STANDARD: Final = re.compile(
    r"(?:archive|bufio|bytes|compress|container|context|crypto|database|debug|embed|encoding|errors|expvar|flag|fmt|go|hash"
    r"|html|image|index|internal|io|iter|log|maps|math|mime|net|os|path|plugin|reflect|regexp|runtime|slices|sort|strconv"
    r"|strings|sync|syscall|testing|text|time|unicode|unsafe|panic|golang\.org/x|google\.golang\.org)[./(]"
)
_RUST: Final = re.compile(
    r"<?(?:std|core|alloc|proc_macro|test|backtrace|tokio|futures|futures_util|futures_core|hyper|tower|axum"
    r"|actix\w{0,30}+|reqwest|serde\w{0,30}+|tracing\w{0,30}+|rayon|async_std|anyhow|eyre|sqlx|diesel|mio|h2|http|tonic|warp|rocket|clap"
    r"|regex|log|F as core|T as core)::|<?(?:core|alloc|std)::|rust_|__rust|_start|__libc|main$|clone$|start_thread|<unknown>"
)
_IMAGES: Final = re.compile(  # what a program of Apple's systems is linked with
    r"lib\w|dyld|CoreFoundation|Foundation|UIKit|SwiftUI|QuartzCore|GraphicsServices|CFNetwork|AttributeGraph|AppKit|HIToolbox"
    r"|Core[A-Z]\w++|CoreData|Combine|Security|MapKit|WebKit|JavaScriptCore|RunningBoard|FrontBoard|BackBoard|XCTest|Metal"
    r"|AVF\w++|\?\?\?"
)


def is_library(path: str) -> bool:
    """By the path of the file, with slashes."""
    if path.startswith(STARTS):
        return True
    for folder in FOLDERS:  # any() of a generator takes three times as long
        if folder in path:
            return True
    if path.endswith(COMPILED):
        return True
    return ("package:" in path or path.startswith("/var/")) and _PACKAGE_OF.search(path) is not None


def is_library_class(name: str) -> bool:
    """By the qualified name of a method, as Java, .NET and Elixir have it."""
    return _BY_CLASS.match(name) is not None


def is_library_of_go(path: str, name: str) -> bool:
    """By the file, and by the package: with `-trimpath` a file has no folder before it."""
    return _GO_STANDARD.match(name) is not None or "@v" in path or is_library(path)


def is_library_of_rust(path: str, name: str) -> bool:
    return _RUST.match(name) is not None or (bool(path) and is_library(path))


def is_system_image(image: str) -> bool:
    """Whether a program of Apple's systems did not bring this image along."""
    return _IMAGES.match(image) is not None
