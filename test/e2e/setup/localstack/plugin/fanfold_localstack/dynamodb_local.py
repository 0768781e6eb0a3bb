"""Makes LocalStack use the DynamoDB Local that already listens on DYNAMODB_LOCAL_PORT.

LocalStack would download one itself, with a Java and an agent that allows more than 20 indexes.
"""

from localstack.runtime import hooks


@hooks.on_infra_start()
def use_running_dynamodb_local():
    from localstack.services.dynamodb.server import DynamodbServer

    DynamodbServer.start_dynamodb = lambda self: True
    DynamodbServer.stop_dynamodb = lambda self: None
