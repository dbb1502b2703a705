"""Creates, updates and deletes the stack in the emulator, and prints what is there after each, as JSON."""

import json
import sys

import boto3
import emulator  # noqa: F401
from moto import mock_aws

PATH, ACCOUNT = sys.argv[1], "123456789012"


def values(**given):
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]


@mock_aws
def main():
    session = boto3.Session("testing", "testing", region_name="us-east-1")
    formation, ssm, ec2 = (session.client(name) for name in ("cloudformation", "ssm", "ec2"))
    image = ec2.describe_images()["Images"][0]["ImageId"]
    # The emulator lacks Canonical's public parameter.
    ssm.put_parameter(Name="/image", Type="String", Value=image)
    body = open(PATH).read()
    body = body.replace("/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id", "/image")
    # The emulator fails on a parameter group of the same stack.
    body = body.replace("DBParameterGroupName: !Ref DatabaseParameters", "DBParameterGroupName: default.postgres17")
    options = {"StackName": "anb", "TemplateBody": body, "Capabilities": ["CAPABILITY_IAM"]}
    given = {"ReleaseBucket": "releases", "ReleaseSha256": "0" * 64}

    def look():
        listed = formation.list_stack_resources(StackName="anb")["StackResourceSummaries"]
        templates = ec2.describe_launch_templates()["LaunchTemplates"]
        return {
            "status": formation.describe_stacks(StackName="anb")["Stacks"][0]["StackStatus"],
            "resources": {each["LogicalResourceId"]: each["ResourceType"] for each in listed},
            "launchTemplates": len(templates),
            "groups": [
                [group["AutoScalingGroupName"], group["MaxSize"]]
                for group in session.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
            ],
            "balancers": len(session.client("elbv2").describe_load_balancers()["LoadBalancers"]),
            "databases": [each["Engine"] for each in session.client("rds").describe_db_instances()["DBInstances"]],
            "parameters": [
                each["Name"] for each in ssm.describe_parameters()["Parameters"] if each["Name"].startswith("/app/")
            ],
        }

    formation.create_stack(**options, Parameters=values(**given, ReleaseVersion="1"))
    created = look()
    formation.update_stack(**options, Parameters=values(**given, ReleaseVersion="2", WebMax="2"))
    updated = look()
    for database in session.client("rds").describe_db_instances()["DBInstances"]:
        session.client("rds").modify_db_instance(
            DBInstanceIdentifier=database["DBInstanceIdentifier"], DeletionProtection=False, ApplyImmediately=True
        )
    formation.delete_stack(StackName="anb")
    stacks = formation.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    networks = ec2.describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.20.0.0/16"]}])["Vpcs"]
    deleted = {
        "stacks": len(stacks),
        "networks": len(networks),
        "balancers": len(session.client("elbv2").describe_load_balancers()["LoadBalancers"]),
        "groups": len(session.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]),
        "databases": len(session.client("rds").describe_db_instances()["DBInstances"]),
    }
    print(json.dumps({"created": created, "updated": updated, "deleted": deleted}))


main()
